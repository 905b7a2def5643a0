mkdir -p d0711 d1777 d2755
for m in 0644 0600 0755 4755 2711 0444 0000; do echo $m >f$m; done
chmod 0711 d0711; chmod 1777 d1777; chmod 2755 d2755
for m in 0644 0600 0755 4755 2711 0444; do chmod $m f$m; done
rm f0000; echo x >d0711/in; echo x >d2755/in; chmod 0640 d0711/in
