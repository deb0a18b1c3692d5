/content-dash
/content-nul
/link-dash	-> -
/x
