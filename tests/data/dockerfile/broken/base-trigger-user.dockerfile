FROM onbuild:user
