from .recipe import read_debian as read_debian
