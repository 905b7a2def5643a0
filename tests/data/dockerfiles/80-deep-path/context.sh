p=deep; for i in $(seq 30); do p=$p/0123456789abcdef; done; mkdir -p $p; echo x >$p/end
