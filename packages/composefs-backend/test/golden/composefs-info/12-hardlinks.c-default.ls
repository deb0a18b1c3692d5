/a/	
/a/deep/	
/a/deep/orig
/a/link1
/b/	
/b/ext	@ 10/da68c0b151d936ee2a044cf7be4f32f356b9b2134bff5c90cb323f5d630193
/b/link2
/c/	
/c/extlink
/c/sym	-> target
/c/sym2
/dev
/dev2
/z
/zz
