#!/usr/bin/env python3
"""Record what libselinux says for an invented policy: make.py > lookups.json (needs libselinux.so.1)."""
import ctypes, json, os, sys, tempfile

specs = r'''
# invented; comments and blank lines are ignored

/.*	sys:default
/	-d	sys:root
/usr(/.*)?	sys:usr
/usr/bin(/.*)?	sys:bin
/usr/bin/link	-l	sys:link
/usr/bin/tool	--	sys:tool_file
/usr/bin/tool	sys:tool_any
/usr/lib(/.*)?	sys:lib
/usr/lib/.*\.so(\.[0-9]+)*	--	sys:so
/usr/(s)?bin/[a-c]+	sys:range
/usr/share/[^/]*/doc	-d	sys:docdir
/usr/share/doc/.+	sys:doc
/usr/none(/.*)?	<<none>>
/usr/none/but	sys:but
/usr/local/[[:digit:]]+-[[:alpha:]_]*	sys:posix
/usr/local/[]x]	sys:bracket
/etc(/.*)?	sys:etc
/etc/passwd[-\+]?	--	sys:passwd
/etc/(passwd|shadow)\.bak	sys:bak
/dev/.*	-c	sys:chr
/dev/.*	-b	sys:blk
/dev/pipe	-p	sys:fifo
/dev/sock	-s	sys:sock
/var(/.*)?	sys:var
/var/.*/log{1,2}	sys:log
/var/lib/a\.b	sys:dot
/var/lib/a?b	sys:optional
/var/lib/u..	sys:two_bytes
/var/first|/second	sys:alternative
/early/.*	sys:early
/early/sub/.*	sys:sub
/early/.*	sys:late
/early/sub/exact	sys:exact
/run	-d	sys:run
/home/[^/]+	-d	sys:home_dir
/home/[^/]+/.+	sys:home
/mnt(/[^/]*)?	-d	sys:mnt
'''
homedirs = '/home/[^/]+/\\.ssh(/.*)?\tsys:ssh\n'
local = '/usr/share/local\tsys:local_literal\n/early/.*\tsys:from_local\n/early/sub/exact\tsys:local_exact\n'
subs = '/opt/mine /usr\n/data /opt/mine\n'
subs_dist = '/usr/etc /etc\n/var/run /run\n# comment\n/srv/a /srv/b\n/srv /var\n/lower /\n'

F, D, L, C, B, P, S = 0o100000, 0o40000, 0o120000, 0o20000, 0o60000, 0o10000, 0o140000
asked = [(p, m) for p in '''/ /x /usr /usr/ /usr//bin /usr/bin /usr/bin/link /usr/bin/tool /usr/bin/abc /usr/sbin/abc /usr/bin/abcd /usr/libx
/usr/lib /usr/lib/x.so /usr/lib/x.so.1.2 /usr/lib/x.so.a /usr/share/a/doc /usr/share/doc /usr/share/doc/ /usr/share/doc/x /usr/none /usr/none/x /usr/none/but
/usr/local/12-ab /usr/local/12-a9 /usr/local/] /usr/local/x /usr/local/y /etc /etc/passwd /etc/passwd- /etc/passwd+ /etc/passwd.bak /etc/shadow.bak /etc/shadowxbak
/dev/x /dev/pipe /dev/sock /var /var/a/log /var/a/logg /var/a/loggg /var/lib/a.b /var/lib/axb /var/lib/ab /var/lib/b /var/lib/uő /var/lib/uxx /var/lib/uxő
/var/first /var/firstborn /second /x/second /early /early/x /early/sub/x /early/sub/exact /run /var/run /var/run/x /var/runx /home /home/u /home/u/x /home/u/.ssh /home/u/.ssh/key
/mnt /mnt/x /mnt/x/y /usr/etc /usr/etc/passwd /opt/mine/bin/tool /opt/minex /data /data/bin/link /srv/a/x /srv/x /lower/usr/bin /lower /usr/share/local'''.split() for m in (0, F, D, L)]
asked += [(p, m) for p in ('/dev/x', '/dev/pipe', '/dev/sock', '/run') for m in (C, B, P, S)]

lib = ctypes.CDLL('libselinux.so.1', use_errno=True)
class Opt(ctypes.Structure): _fields_ = [('type', ctypes.c_int), ('value', ctypes.c_char_p)]
lib.selabel_open.restype = ctypes.c_void_p
lib.selabel_open.argtypes = [ctypes.c_uint, ctypes.c_void_p, ctypes.c_uint]
lib.selabel_lookup_raw.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_int]
with tempfile.TemporaryDirectory() as dir:
    base = f'{dir}/file_contexts'
    for suffix, text in (('', specs), ('.homedirs', homedirs), ('.local', local), ('.subs', subs), ('.subs_dist', subs_dist)):
        with open(base + suffix, 'w') as f: f.write(text)
    opts = (Opt * 1)(Opt(3, base.encode()))
    handle = lib.selabel_open(0, ctypes.cast(opts, ctypes.c_void_p), 1)
    assert handle, os.strerror(ctypes.get_errno())
    rows = []
    for path, mode in asked:
        context = ctypes.c_void_p()
        found = lib.selabel_lookup_raw(handle, ctypes.byref(context), path.encode(), mode) == 0
        rows.append([path, mode, ctypes.cast(context, ctypes.c_char_p).value.decode() if found else None])
json.dump(dict(file_contexts=specs, homedirs=homedirs, local=local, subs=subs, subs_dist=subs_dist, lookups=rows), sys.stdout, indent=0, ensure_ascii=False)
