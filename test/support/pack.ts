import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { isAlive, until } from './processes.ts'

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

/** The packages that `npm pack` creates in a clone where nothing was built. */
export interface PackedPackages {
  headgate: Packed
  client: Packed
  consumer: Packed
  transform: Packed
}

/** The files that packing needs. */
const CLONED = [
  'package.json',
  'tsconfig.json',
  'README.md',
  'LICENSE',
  'docs',
  'services',
  'test/package/packed-links.ts',
] as const

/** Where packed packages are kept. It is not below node_modules, where Node runs no TypeScript. */
const KEPT = path.join(root, '.tap/packed')

/**
 * Packs all packages, in one clone. Compiling them takes 12 seconds of processor time, so all test files use the same packages, until a
 * cloned file or an installed version changes.
 */
export async function packPackages(): Promise<PackedPackages> {
  const clone = path.join(KEPT, fingerprint())
  const lockFile = `${clone}.lock`
  mkdirSync(KEPT, { recursive: true })
  while (!existsSync(clone)) {
    const packer = lock(lockFile)
    if (packer === process.pid) await packInto(clone).finally(() => rmSync(lockFile))
    else await until(() => !existsSync(lockFile) || !isAlive(packer), { timeoutMs: 180_000, what: 'npm pack' })
  }
  const packed = reports(readFileSync(path.join(clone, REPORT), 'utf8')).map(report => locate(clone, report))
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

/** Packs the client alone, for the duration of the test. */
export async function packClient(t: Pick<Test, 'teardown'>): Promise<Packed> {
  const clone = mkdtempSync(path.join(tmpdir(), 'headgate-clone-'))
  t.teardown(() => rmSync(clone, { recursive: true, force: true }))
  const [report] = reports(await pack(clone, ['--workspace', '@headgate/client']))
  if (!report) throw new Error('npm pack reported no package')
  return locate(clone, report)
}

/** The file in the clone that keeps the output of `npm pack`. */
const REPORT = 'packed.json'

/** Packs all packages in a folder that gets its name when it is complete. Deletes what was packed more than an hour ago. */
async function packInto(clone: string): Promise<void> {
  const incomplete = `${clone}.incomplete`
  const old = readdirSync(KEPT)
    .map(name => path.join(KEPT, name))
    .filter(kept => statSync(kept).mtimeMs < Date.now() - 3_600_000)
  for (const folder of [incomplete, ...old]) rmSync(folder, { recursive: true, force: true })
  writeFileSync(path.join(incomplete, REPORT), await pack(incomplete, ['--workspaces', '--include-workspace-root']))
  renameSync(incomplete, clone)
}

/** Returns the id of the process that packs: this one, or another one that is running. */
function lock(file: string): number {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return process.pid
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const holder = Number(readFileSync(file, 'utf8'))
  if (isAlive(holder)) return holder
  // It was killed while it packed.
  rmSync(file, { force: true })
  return lock(file)
}

/** Returns a hash of all files that packing reads, and of the installed versions. */
function fingerprint(): string {
  const hash = createHash('sha256').update(process.version)
  const add = (file: string) =>
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(root, file)))
      .update('\0')
  for (const file of ['package-lock.json', ...CLONED].flatMap(filesOf)) add(file)
  return hash.digest('hex').slice(0, 16)
}

/** Returns a file, or all files of a folder but those of a build, relative to the repository. */
function filesOf(name: string): string[] {
  if (!statSync(path.join(root, name)).isDirectory()) return [name]
  if (name.endsWith('/dist')) return []
  return readdirSync(path.join(root, name))
    .sort()
    .flatMap(child => filesOf(`${name}/${child}`))
}

/** Packs in a clone of the repository in which nothing was built. Resolves to the output of `npm pack --json`. */
async function pack(clone: string, which: readonly string[]): Promise<string> {
  for (const file of CLONED) {
    cpSync(path.join(root, file), path.join(clone, file), { recursive: true, filter: name => !name.endsWith('/dist') })
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(clone, 'node_modules'))
  const { stdout } = await run('npm', ['pack', '--json', ...which], { cwd: clone })
  return stdout
}

function locate(clone: string, { name, filename, files }: PackReport): Packed {
  return { name, tarball: path.join(clone, filename), clone, files: files.map(file => file.path) }
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
