/00/	
/AB
/ab
/dir/	
/dir/keep
/plain/	
/plain/f
