// placeholder translation unit until the first actor
