# An rpm database in miniature: headers as rpm writes them into table Packages (rpm 4.20), one larger than a page.
import sqlite3, struct, sys, os
def header(name, arch, source, files):
    dirs=sorted({os.path.dirname(f)+'/' for f in files})
    ents=[]; data=b''
    def add(tag,typ,count,blob,align=1):
        nonlocal data
        data+=b'\0'*(-len(data)%align)
        ents.append(struct.pack('>IIiI',tag,typ,len(data),count)); data+=blob
    s=lambda l: b''.join(x.encode()+b'\0' for x in l)
    add(1000,6,1,s([name])); add(1022,6,1,s([arch]))
    if source: add(1044,6,1,s([source]))
    add(1116,4,len(files),b''.join(struct.pack('>i',dirs.index(os.path.dirname(f)+'/')) for f in files),4)
    add(1117,8,len(files),s([os.path.basename(f) for f in files])); add(1118,8,len(dirs),s(dirs))
    return struct.pack('>II',len(ents),len(data))+b''.join(ents)+data
out=sys.argv[1]
if os.path.exists(out): os.remove(out)
db=sqlite3.connect(out); db.execute('PRAGMA page_size=512')
db.execute('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)')
db.execute('CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)')
rows=[header('bash','x86_64','bash-5.2.32-1.fc41.src.rpm',['/usr/bin/bash','/usr/bin/sh'])]
rows.append(header('glibc-langpack','noarch','glibc-2.40-3.fc41.src.rpm',[f'/usr/lib/locale/file-{i:03}' for i in range(200)]))
rows+= [header(f'p{i}','x86_64',f'many-src-1-{i}.src.rpm',[f'/usr/share/p{i}/data']) for i in range(30)]
rows.append(header('gpg-pubkey','','',['/x']))
for r in rows: db.execute('INSERT INTO Packages (blob) VALUES (?)',(r,))
db.commit(); db.close()
