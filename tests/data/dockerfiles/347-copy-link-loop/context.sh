mkdir d; ln -s a d/b; ln -s b d/a; ln -s . d/self; ln -s ../.. d/up
