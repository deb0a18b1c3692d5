#!/usr/bin/env python3
"""Record what `ostree admin deploy` does with a changed /etc.

Run as root with ostree in PATH: make.py WORKDIR > cases.json
Each case: three trees (pristine = usr/etc of the old image, current = its changed etc, fresh = usr/etc of the new
image), what `ostree admin config-diff` would list, and the merged etc or the error.
"""
import json, os, shutil, stat, subprocess, sys

work = sys.argv[1]

def write(root, tree):
    for path, e in tree.items():
        full = os.path.join(root, path)
        kind = e['type']
        if kind == 'directory': os.makedirs(full, exist_ok=True)
        elif kind == 'file':
            with open(full, 'w') as f: f.write(e.get('content', ''))
        elif kind == 'symlink': os.symlink(e['target'], full)
        elif kind == 'fifo': os.mkfifo(full)
        os.lchown(full, e.get('uid', 0), e.get('gid', 0))
        if kind != 'symlink': os.chmod(full, e['mode'])
        for name, value in e.get('xattrs', {}).items():
            os.setxattr(full, name, value.encode(), follow_symlinks=False)

def read(root):
    out = {}
    def walk(dir):
        for name in sorted(os.listdir(os.path.join(root, dir)), key=os.fsencode):
            path = os.path.join(dir, name) if dir else name
            full = os.path.join(root, path)
            st = os.lstat(full)
            e = {}
            if stat.S_ISDIR(st.st_mode): e['type'] = 'directory'
            elif stat.S_ISLNK(st.st_mode): e.update(type='symlink', target=os.readlink(full))
            elif stat.S_ISFIFO(st.st_mode): e['type'] = 'fifo'
            else: e.update(type='file', content=open(full).read())
            e['mode'] = stat.S_IMODE(st.st_mode)
            if st.st_uid: e['uid'] = st.st_uid
            if st.st_gid: e['gid'] = st.st_gid
            xattrs = {n: os.getxattr(full, n, follow_symlinks=False).decode() for n in os.listxattr(full, follow_symlinks=False)}
            if xattrs: e['xattrs'] = xattrs
            out[path] = e
            if e['type'] == 'directory': walk(path)
    walk('')
    return out

def d(mode=0o755, **k): return dict(type='directory', mode=mode, **k)
def f(content='', mode=0o644, **k): return dict(type='file', mode=mode, content=content, **k)
def l(target): return dict(type='symlink', mode=0o777, target=target)

base = {
    'both.conf': f('base\n'), 'chmod-dir': d(), 'chmod-dir/f': f('f\n'), 'conf.d': d(), 'conf.d/a.conf': f('a\n'),
    'conf.d/b.conf': f('b\n'), 'conf.d/sub': d(), 'conf.d/sub/deep.conf': f('deep\n'), 'dropped.conf': f('dropped\n'),
    'empty': d(), 'gone': d(), 'gone/in': d(), 'gone/in/x': f('x\n'), 'gone/y': f('y\n'), 'hosts': f('hosts\n'), 'link': l('a'),
    'owner.conf': f('o\n'), 'perm.conf': f('p\n'), 'parents': d(), 'parents/p1': d(), 'parents/p1/p2': d(),
    'parents/p1/p2/f': f('f\n'), 'passwd': f('same\n'), 'tolink.conf': f('t\n'), 'untouched.conf': f('1\n'), 'xattr.conf': f('x\n'),
    'removed-dir': d(), 'removed-dir/f': f(), 'removed-dir/g': f(),
}
def edit(tree, changes, drop=()):
    out = {p: dict(e) for p, e in tree.items() if not any(p == x or p.startswith(x + '/') for x in drop)}
    out.update(changes)
    return dict(sorted(out.items(), key=lambda kv: kv[0].split('/')))

main_current = edit(base, {
    'both.conf': f('mine\n'), 'chmod-dir': d(0o700), 'conf.d/new.conf': f('new\n', 0o600, uid=7, gid=8, xattrs={'user.a': '1'}),
    'conf.d/sub/deep.conf': f('deep edited\n'), 'dropped.conf': f('kept\n'), 'gone': d(0o711), 'gone/in': d(0o701, xattrs={'user.d': 'v'}),
    'gone/in/x': f('x edited\n'), 'hosts': f('hosts edited\n'), 'link': l('b'), 'owner.conf': f('o\n', uid=5, gid=6),
    'perm.conf': f('p\n', 0o600), 'parents': d(0o750, uid=3), 'parents/p1': d(0o711), 'parents/p1/p2': d(0o700), 'parents/p1/p2/f': f('f edited\n'),
    'tolink.conf': l('hosts'), 'xattr.conf': f('x\n', xattrs={'user.only': '1'}),
    'added': d(0o750, uid=1, xattrs={'user.added': 'dir'}), 'added/n': d(0o700), 'added/n/f': f('deep\n'), 'added/link': l('n/f'), 'added/pipe': dict(type='fifo', mode=0o600),
    'added/empty': d(0o1777), 'pipe': dict(type='fifo', mode=0o600),
    'newdefault': d(0o700), 'newdefault/mine': f('mine\n'), 'race.conf': f('mine\n'), 'race-empty': d(0o700),
}, drop=('conf.d/a.conf', 'empty', 'removed-dir'))
main_fresh = edit(base, {
    'both.conf': f('theirs\n'), 'conf.d': d(0o751), 'conf.d/a.conf': f('a2\n'), 'untouched.conf': f('2\n'), 'link': f('now a file\n'), 'newdefault': d(), 'newdefault/theirs': f('theirs\n'),
    'race.conf': f('theirs\n'), 'race-empty': d(), 'race-empty/f': f('f\n'), 'removed-dir/h': f('h\n'), 'brand-new': f('n\n'),
}, drop=('dropped.conf', 'gone', 'conf.d/sub'))

cases = [
    dict(name='everything', pristine=base, current=main_current, fresh=main_fresh),
    dict(name='file became directory by hand', pristine={'a': f('1\n')}, current={'a': d(0o700), 'a/f': f('x\n')}, fresh={'a': f('2\n')}),
    dict(name='file became directory on both sides', pristine={'a': f('1\n')}, current={'a': d(0o700), 'a/mine': f('x\n')}, fresh={'a': d(), 'a/theirs': f('y\n')}),
    dict(name='directory became file by hand', pristine={'a': d(), 'a/f': f('1\n')}, current={'a': f('mine\n')}, fresh={'a': d(), 'a/f': f('1\n')}),
    dict(name='edited file is now a directory', pristine={'a': f('1\n')}, current={'a': f('2\n')}, fresh={'a': d(), 'a/f': f()}),
    dict(name='added file is now a directory', pristine={}, current={'a': f('2\n')}, fresh={'a': d()}),
    dict(name='change below what is now a file', pristine={'a': d(), 'a/f': f('1\n')}, current={'a': d(), 'a/f': f('2\n')}, fresh={'a': f('file\n')}),
    dict(name='changed directory is now a file', pristine={'a': d(), 'a/f': f('1\n')}, current={'a': d(0o700), 'a/f': f('2\n')}, fresh={'a': f('file\n')}),
    dict(name='change below what is now a link', pristine={'a': d(), 'a/f': f('1\n')}, current={'a': d(), 'a/f': f('2\n')}, fresh={'a': l('b'), 'b': d()}),
    dict(name='attributes of parents', pristine={'a': d(), 'a/b': d(), 'a/b/c': d(), 'a/b/c/f': f('1\n')}, current={'a': d(), 'a/b': d(), 'a/b/c': d(), 'a/b/c/f': f('2\n')}, fresh={'a': d(0o751), 'a/b': d(0o751), 'a/b/c': d(0o751), 'a/b/c/f': f('1\n')}),
    dict(name='parents that are gone', pristine={'a': d(), 'a/b': d(), 'a/b/c': d(), 'a/b/c/f': f('1\n')}, current={'a': d(0o711), 'a/b': d(0o712), 'a/b/c': d(0o713), 'a/b/c/f': f('2\n')}, fresh={'a': d(0o751)}),
    dict(name='pipe where a directory is now', pristine={}, current={'a': dict(type='fifo', mode=0o600)}, fresh={'a': d()}),
    dict(name='pipe where a file is now', pristine={}, current={'a': dict(type='fifo', mode=0o600)}, fresh={'a': f('x\n')}),
    dict(name='removed below what is now a file', pristine={'a': d(), 'a/f': f('1\n')}, current={'a': d()}, fresh={'a': f('file\n')}),
]

def run(*args, check=True):
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and p.returncode: raise SystemExit(f'{args}: {p.stderr}')
    return p

def image(root, etc, release):
    for p in ('usr/etc', 'usr/lib/modules/1'): os.makedirs(f'{root}/{p}')
    open(f'{root}/usr/lib/modules/1/vmlinuz', 'w').write(f'kernel {release}')
    open(f'{root}/usr/lib/modules/1/initramfs.img', 'w').write('initrd')
    open(f'{root}/usr/lib/os-release', 'w').write('ID=t\nPRETTY_NAME=T\n')
    write(f'{root}/usr/etc', etc)

out = []
for i, case in enumerate(cases):
    base_dir = f'{work}/{i}'
    subprocess.run(['chattr', '-R', '-f', '-i', base_dir])
    shutil.rmtree(base_dir, ignore_errors=True)
    sysroot = f'{base_dir}/sysroot'
    os.makedirs(sysroot)
    run('ostree', 'admin', 'init-fs', '--modern', sysroot)
    run('ostree', 'admin', 'os-init', 't', f'--sysroot={sysroot}')
    repo = f'{sysroot}/ostree/repo'
    deploy = f'{sysroot}/ostree/deploy/t/deploy'
    done = []
    for n, etc in ((1, case['pristine']), (2, case['fresh'])):
        image(f'{base_dir}/v{n}', etc, n)
        run('ostree', 'commit', f'--repo={repo}', '-b', 'main/etc', f'--tree=dir={base_dir}/v{n}')
        if n == 2:
            etc_dir = f'{deploy}/{done[0]}/etc'
            subprocess.run(['chattr', '-i', f'{deploy}/{done[0]}'])
            for name in os.listdir(etc_dir):
                p = f'{etc_dir}/{name}'
                shutil.rmtree(p) if os.path.isdir(p) and not os.path.islink(p) else os.remove(p)
            write(etc_dir, case['current'])
            case['diff'] = run('ostree', 'admin', 'config-diff', f'--sysroot={sysroot}', '--os=t', check=False).stdout
        p = run('ostree', 'admin', 'deploy', f'--sysroot={sysroot}', '--os=t', 'main/etc', check=(n == 1))
        now = [x for x in os.listdir(deploy) if not x.endswith('.origin') and x not in done]
        if p.returncode: case['error'] = p.stderr.strip()
        else:
            done.append(now[0])
    if 'error' not in case:
        merged = read(f'{deploy}/{done[1]}/etc')
        case['merged'] = merged
    out.append(case)
version = run('ostree', '--version').stdout.split("'")[1]
json.dump(dict(ostree=version, cases=out), sys.stdout, indent=1)
