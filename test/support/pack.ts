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
  name: string
  /** The absolute path. */
  tarball: string
  /** The folder of the clone in which the package was packed. */
  clone: string
  /** The paths of its files, relative to the package's folder. */
  files: string[]
}

/** The packages that `npm pack` creates in a clone where nothing was built. They exist as long as the test. */
export interface PackedPackages {
  headgate: Packed
  client: Packed
  consumer: Packed
  transform: Packed
}

/** Packs all packages, in one clone. */
export async function packPackages(t: Pick<Test, 'teardown'>): Promise<PackedPackages> {
  const packed = await pack(t, ['--workspaces', '--include-workspace-root'])
  const find = (name: string) => {
    const found = packed.find(one => one.name === name)
    if (!found) throw new Error(`npm pack reported no package ${name}, only ${packed.map(one => one.name).join(', ')}`)
    return found
  }
  return {
    headgate: find('headgate'),
    client: find('@headgate/client'),
    consumer: find('@headgate/consumer'),
    transform: find('@headgate/transform'),
  }
}

/** Packs the client alone. */
export async function packClient(t: Pick<Test, 'teardown'>): Promise<Packed> {
  const [packed] = await pack(t, ['--workspace', '@headgate/client'])
  if (!packed) throw new Error('npm pack reported no package')
  return packed
}

/** Packs the package of the repository itself. */
export async function packPackage(t: Pick<Test, 'teardown'>): Promise<Packed> {
  const [packed] = await pack(t, [])
  if (!packed) throw new Error('npm pack reported no package')
  return packed
}

async function pack(t: Pick<Test, 'teardown'>, which: readonly string[]): Promise<Packed[]> {
  const clone = mkdtempSync(path.join(tmpdir(), 'headgate-clone-'))
  t.teardown(() => rmSync(clone, { recursive: true, force: true }))
  for (const file of [
    'package.json',
    'tsconfig.json',
    'README.md',
    'LICENSE',
    'docs',
    'services',
    'test/package/packed-links.ts',
  ]) {
    cpSync(path.join(root, file), path.join(clone, file), { recursive: true, filter: name => !name.endsWith('/dist') })
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(clone, 'node_modules'))
  const { stdout } = await run('npm', ['pack', '--json', ...which], { cwd: clone })
  return reports(stdout).map(({ name, filename, files }) => ({
    name,
    tarball: path.join(clone, filename),
    clone,
    files: files.map(file => file.path),
  }))
}

interface PackReport {
  name: string
  filename: string
  files: Array<{ path: string }>
}

/** The JSON of `npm pack`: a list, or in later versions an object by the names of the packages. Scripts print lines before it. */
function reports(stdout: string): PackReport[] {
  const json: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
  return Object.values(json as PackReport[] | Record<string, PackReport>)
}
