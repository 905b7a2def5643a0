FROM onbuild:bad
