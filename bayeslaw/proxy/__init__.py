"""Training of small language models (proxies) whose losses become observations."""
