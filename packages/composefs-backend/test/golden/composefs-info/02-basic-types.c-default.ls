/blk
/chr-null
/dir/	
/dir/empty
/dir/external	@ ac/467f9bd577a1643b6b07ec320d240728badfac8ffc8347dc1f7d9e2d5ef11e
/dir/inline
/dir/inline64
/dir/link	-> ../target/file
/fifo
/setuid
/sock
/tmp/	
