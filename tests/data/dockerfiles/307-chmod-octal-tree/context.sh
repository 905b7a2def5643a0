mkdir -p d/sub/deep e; echo a >a; echo b >b; echo x >d/x; echo y >d/sub/y; echo z >d/sub/deep/z; echo n >e/n; chmod 750 d/sub; chmod 640 d/x; ln -s x d/l
