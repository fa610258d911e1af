"""Translation after pretraining: fine-tune, decode, score."""
