import { badCustomization } from '../errors.js'
import type { Customizations, UserCustomization } from './types.js'

/** Texts of the account files; absent ones stay absent, but passwd, shadow and group are made. */
export interface AccountFiles {
  readonly passwd: string
  readonly shadow: string
  readonly group: string
  readonly gshadow?: string
}

/** Accounts that come with the image where nss-altfiles finds them: `usr/lib/passwd`, `usr/lib/group`. */
export interface ShippedAccounts {
  readonly passwd?: string
  readonly group?: string
}

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

export interface EditedAccounts {
  readonly files: AccountFiles
  /** Of the users that were asked for, in order. */
  readonly accounts: readonly Account[]
  readonly userId: (name: string) => number | undefined
  readonly groupId: (name: string) => number | undefined
}

const firstId = 1000
const lastId = 60_000

/**
 * Put users and groups into the account files. Lines that nobody asked to change stay as they are; users that are there get
 * what was asked for and keep the rest, as usermod does.
 *
 * @param day of the last change of passwords, in days since 1970, from 1 on
 * @throws BootcError `SYSROOT_CUSTOMIZATION_INVALID` for groups that do not exist, and ids that are taken
 */
export function editAccounts(
  files: AccountFiles,
  shipped: ShippedAccounts,
  wishes: Pick<Customizations, 'users' | 'groups'>,
  day: number,
): EditedAccounts {
  return new AccountEditor(files, shipped, day).run(wishes)
}

class AccountEditor {
  readonly #passwd: Lines
  readonly #shadow: Lines
  readonly #group: Lines
  readonly #gshadow: Lines | undefined
  readonly #shippedPasswd: Lines
  readonly #shippedGroup: Lines
  readonly #day: number

  constructor(files: AccountFiles, shipped: ShippedAccounts, day: number) {
    this.#passwd = new Lines(files.passwd)
    this.#shadow = new Lines(files.shadow)
    this.#group = new Lines(files.group)
    this.#gshadow = files.gshadow === undefined ? undefined : new Lines(files.gshadow)
    this.#shippedPasswd = new Lines(shipped.passwd ?? '')
    this.#shippedGroup = new Lines(shipped.group ?? '')
    this.#day = Math.max(1, day)
  }

  run({ users, groups }: Pick<Customizations, 'users' | 'groups'>): EditedAccounts {
    groups.forEach(({ name, gid }, index) => {
      const there = this.#groupId(name)
      if (there === undefined) this.#addGroup(name, gid, `customizations.group[${index}].gid`)
      else if (gid !== undefined && gid !== there) {
        throw badCustomization(`customizations.group[${index}].gid`, `group ${name} has id ${there} already`)
      }
    })
    const accounts = users.map((user, index) => this.#putUser(user, `customizations.user[${index}]`))
    return {
      files: {
        passwd: this.#passwd.print(),
        shadow: this.#shadow.print(),
        group: this.#group.print(),
        ...(this.#gshadow === undefined ? {} : { gshadow: this.#gshadow.print() }),
      },
      accounts,
      userId: (name) => idOf(this.#passwd.find(name) ?? this.#shippedPasswd.find(name)),
      groupId: (name) => this.#groupId(name),
    }
  }

  #putUser(user: UserCustomization, at: string): Account {
    const { name } = user
    // Those of the image are overridden by a line of the same name in /etc.
    const old = this.#passwd.find(name) ?? this.#shippedPasswd.find(name)
    const uid = user.uid ?? idOf(old) ?? this.#freeId(user.gid)
    const shipped = this.#shippedPasswd.all().filter(([other]) => this.#passwd.find(other!) === undefined)
    const owner = [...this.#passwd.all(), ...shipped].find(
      (fields) => idOf(fields) === uid && fields[0] !== name,
    )
    if (owner !== undefined) throw badCustomization(`${at}.uid`, `${uid} belongs to ${owner[0]}`)
    const gid = user.gid ?? idOf(old, 3) ?? this.#ownGroup(name, uid, at)
    const home = user.home ?? old?.[5] ?? (name === 'root' ? '/root' : `/home/${name}`)
    const description = user.description ?? old?.[4] ?? ''
    const shell = user.shell ?? old?.[6] ?? '/bin/bash'
    this.#passwd.put([name, 'x', `${uid}`, `${gid}`, description, home, shell])

    const shadow = this.#shadow.find(name)
    const hash = user.passwordHash ?? shadow?.[1] ?? '*'
    if (shadow === undefined) this.#shadow.put([name, hash, `${this.#day}`, '0', '99999', '7', '', '', ''])
    else if (hash !== shadow[1]) this.#shadow.put([name, hash, `${this.#day}`, ...shadow.slice(3)])

    for (const group of user.groups) this.#join(name, group, `${at}.groups`)
    return { name, uid, gid, home }
  }

  #ownGroup(name: string, uid: number, at: string): number {
    const there = this.#groupId(name)
    if (there !== undefined) return there
    const taken = this.#groupIds().has(uid)
    return this.#addGroup(name, taken ? undefined : uid, at)
  }

  #addGroup(name: string, wanted: number | undefined, at: string): number {
    const taken = this.#groupIds()
    if (wanted !== undefined && taken.has(wanted))
      throw badCustomization(at, `${wanted} belongs to a group already`)
    const gid = wanted ?? this.#freeId(undefined)
    this.#group.put([name, 'x', `${gid}`, ''])
    this.#gshadow?.put([name, '!', '', ''])
    return gid
  }

  #join(user: string, group: string, at: string): void {
    const fields = this.#group.find(group) ?? this.#shippedGroup.find(group)
    if (fields === undefined) throw badCustomization(at, `there is no group ${group}`)
    this.#group.put([...fields.slice(0, 3), withMember(fields[3], user)])
    const secret = this.#gshadow?.find(group)
    if (secret !== undefined) this.#gshadow?.put([...secret.slice(0, 3), withMember(secret[3], user)])
  }

  #groupId(name: string): number | undefined {
    return idOf(this.#group.find(name) ?? this.#shippedGroup.find(name))
  }

  #groupIds(): Set<number | undefined> {
    return new Set([...this.#group.all(), ...this.#shippedGroup.all()].map((fields) => idOf(fields)))
  }

  /** The first one that is neither a user's nor a group's, so that both can be the same. */
  #freeId(except: number | undefined): number {
    const users = [...this.#passwd.all(), ...this.#shippedPasswd.all()].map((fields) => idOf(fields))
    const taken = new Set([...users, ...this.#groupIds(), except])
    for (let id = firstId; id < lastId; id++) if (!taken.has(id)) return id
    throw badCustomization('customizations', 'no id is free')
  }
}

/** Lines with colons, found by their first field; comments and broken lines are kept. */
class Lines {
  readonly #lines: string[]

  constructor(text: string) {
    this.#lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  }

  find(name: string): string[] | undefined {
    return this.#lines.find((line) => line.startsWith(`${name}:`))?.split(':')
  }

  all(): string[][] {
    return this.#lines.map((line) => line.split(':'))
  }

  put(fields: readonly string[]): void {
    const index = this.#lines.findIndex((line) => line.startsWith(`${fields[0]}:`))
    if (index < 0) this.#lines.push(fields.join(':'))
    else this.#lines[index] = fields.join(':')
  }

  print(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }
}

function idOf(fields: readonly string[] | undefined, index = 2): number | undefined {
  const text = fields?.[index] ?? ''
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

function withMember(members: string | undefined, user: string): string {
  const names = (members ?? '').split(',').filter((name) => name !== '')
  return names.includes(user) ? names.join(',') : [...names, user].join(',')
}
