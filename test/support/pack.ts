import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const execute = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')

/** Runs a program to its end, without the environment variables of the test runner, with which tsc cannot be loaded. */
export const run = (file: string, args: readonly string[], options: { cwd?: string } = {}) =>
  execute('env', ['-u', 'NODE_OPTIONS', file, ...args], { ...options, timeout: 120_000, maxBuffer: 16 * 1024 ** 2 })

export interface Packed {
  /** The absolute path. */
  tarball: string
  /** The paths of its files, relative to the package's folder. */
  files: string[]
}

/** The package as `npm pack` makes it in a clone where nothing was built, for as long as the test. */
export async function packPackage(t: Pick<Test, 'teardown'>): Promise<Packed> {
  const clone = mkdtempSync(path.join(tmpdir(), 'headgate-clone-'))
  t.teardown(() => rmSync(clone, { recursive: true, force: true }))
  for (const file of ['package.json', 'tsconfig.json', 'README.md', 'LICENSE', 'docs', 'services']) {
    cpSync(path.join(root, file), path.join(clone, file), { recursive: true })
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(clone, 'node_modules'))
  const { stdout } = await run('npm', ['pack', '--json'], { cwd: clone })
  const [packed] = JSON.parse(stdout) as Array<{ filename: string; files: Array<{ path: string }> }>
  if (!packed) throw new Error(`npm pack listed no package: ${stdout}`)
  return { tarball: path.join(clone, packed.filename), files: packed.files.map(file => file.path) }
}
