mkdir -p a/b/c; for f in one.md a/two.md a/b/three.md a/b/c/four.txt five.tmp keep.tmp; do echo $f >$f; done
