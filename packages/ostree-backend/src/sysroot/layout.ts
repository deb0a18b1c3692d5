import { BootcError, type DeploymentId } from '@bootc-sdk/core'

/** One deployment of libostree: `ostree/deploy/STATEROOT/deploy/CHECKSUM.SERIAL`. */
export interface DeploymentName {
  readonly stateroot: string
  /** Of its commit. */
  readonly checksum: string
  readonly deploySerial: number
}

export const deployRoot = 'ostree/deploy'

/** The composefs image of a deployment, in its root. */
export const imageName = '.ostree.cfs'

const directoryPattern = /^([0-9a-f]{64})\.(0|[1-9][0-9]{0,8})$/

/** Is this usable as one component of a path? */
export function isStateroot(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')
}

/** Parts of a deployment directory's name; undefined when it is none. */
export function parseDirectory(stateroot: string, directory: string): DeploymentName | undefined {
  const match = directoryPattern.exec(directory)
  if (match === null || !isStateroot(stateroot)) return undefined
  return { stateroot, checksum: match[1]!, deploySerial: Number(match[2]) }
}

export function directoryName({ checksum, deploySerial }: DeploymentName): string {
  return `${checksum}.${deploySerial}`
}

/** `STATEROOT/CHECKSUM.SERIAL`. */
export function deploymentId(name: DeploymentName): DeploymentId {
  return `${name.stateroot}/${directoryName(name)}`
}

/** @throws BootcError `DEPLOY_INVALID_ID` */
export function parseDeploymentId(id: DeploymentId): DeploymentName {
  const slash = id.indexOf('/')
  const name = slash < 0 ? undefined : parseDirectory(id.slice(0, slash), id.slice(slash + 1))
  if (name === undefined) {
    throw new BootcError('DEPLOY_INVALID_ID', `${JSON.stringify(id)} names no OSTree deployment`, {
      details: { id },
    })
  }
  return name
}

export function statePath(stateroot: string): string {
  return `${deployRoot}/${stateroot}`
}

export function varPath(stateroot: string): string {
  return `${deployRoot}/${stateroot}/var`
}

export function rootPath(name: DeploymentName): string {
  return `${deployRoot}/${name.stateroot}/deploy/${directoryName(name)}`
}

export function originPath(name: DeploymentName): string {
  return `${rootPath(name)}.origin`
}

/** Writable space beside a deployment: transient root, unlocked /usr. */
export function backingPath(name: DeploymentName): string {
  return `${deployRoot}/${name.stateroot}/backing/${directoryName(name)}`
}

export function etcPath(name: DeploymentName): string {
  return `${rootPath(name)}/etc`
}
