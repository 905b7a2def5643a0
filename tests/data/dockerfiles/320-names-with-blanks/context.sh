echo 1 >'a b'; echo 2 >'c  d'; mkdir 'folder with blank'; echo 3 >'folder with blank/x y'
