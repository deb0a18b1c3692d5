import { execFileSync, spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { run } from './capture.js'

const shells = ['bash', 'zsh', 'fish'] as const

test.each(shells)('%s gets a script that its own parser accepts', async (shell) => {
  const { code, stdout, stderr } = await run(['completion', shell])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  if (spawnSync(shell, ['-c', 'true']).status !== 0) return
  execFileSync(shell, ['-n'], { input: stdout })
})

const bash = async (line: string): Promise<string[]> => {
  const { stdout } = await run(['completion', 'bash'])
  const words = line.split(' ')
  const script = `${stdout}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_bootc_sdk; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['--norc'], { input: script, encoding: 'utf8' }).trim().split('\n')
}

test('commands, sub-commands, options and values are completed', async () => {
  expect(await bash('bootc-sdk up')).toEqual(['upgrade', 'update'])
  expect(await bash('bootc-sdk image pu')).toEqual(['pull', 'pull-from-default-storage'])
  expect(await bash('bootc-sdk image rec')).toEqual(['rechunk'])
  expect(await bash('bootc-sdk image rechunk --compression ')).toEqual(['gzip', 'zstd', 'none'])
  expect(await bash('bootc-sdk ostree pu')).toEqual(['pull-local', 'pull'])
  expect(await bash('bootc-sdk --verbose image pull --i')).toEqual(['--init'])
  expect(await bash('bootc-sdk status --format ')).toEqual(['humanreadable', 'yaml', 'json'])
  expect(await bash('bootc-sdk install to-image --format ')).toEqual(['raw', 'qcow2'])
  expect(await bash('bootc-sdk install to-disk --filesystem ')).toEqual(['ext4', 'xfs', 'btrfs'])
})
