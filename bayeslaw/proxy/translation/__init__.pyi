from .measure import measure_translations as measure_translations
