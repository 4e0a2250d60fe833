import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { CorpusPackage } from './corpus.ts'

const run = promisify(execFile)

/** `pip` prepares the metadata of a source distribution, for which it may download build requirements. */
const DOWNLOAD_TIMEOUT_MS = 300_000
const UNPACK_TIMEOUT_MS = 60_000

/** A package cannot be downloaded: there is no `pip`, no `npm`, or no network. */
export class CorpusUnavailableError extends Error {
  override readonly name = 'CorpusUnavailableError'
}

/**
 * Downloads and unpacks a package into the cache, unless it is there.
 *
 * @returns the folder of its files
 * @throws CorpusUnavailableError
 */
export async function fetchPackage(wanted: CorpusPackage, cache: string): Promise<string> {
  const kind = wanted.importable ? 'importable-' : ''
  const folder = path.join(cache, `${kind}${wanted.registry}-${wanted.name}-${wanted.version}`)
  if (!existsSync(folder)) {
    const partial = `${folder}.${process.pid}`
    mkdirSync(partial, { recursive: true })
    try {
      await (wanted.importable ? install(wanted, partial) : download(wanted, partial))
      if (!wanted.importable) await unpack(wanted, partial)
      renameSync(partial, folder)
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
  }
  if (wanted.importable) return folder
  const [top = ''] = readdirSync(folder)
  return path.join(folder, top)
}

async function unpack({ name }: CorpusPackage, folder: string): Promise<void> {
  const archive = readdirSync(folder).find(file => /\.(?:tar\.gz|tgz)$/.test(file))
  if (archive === undefined) throw new CorpusUnavailableError(`${name} is not packed as .tar.gz or .tgz.`)
  await command('tar', ['xzf', archive], folder, UNPACK_TIMEOUT_MS)
  rmSync(path.join(folder, archive))
}

async function install({ name, version }: CorpusPackage, to: string): Promise<void> {
  await command(
    'pip',
    ['install', '--quiet', '--no-deps', '--target', '.', `${name}==${version}`],
    to,
    DOWNLOAD_TIMEOUT_MS,
  )
}

async function download({ registry, name, version }: CorpusPackage, to: string): Promise<void> {
  const exact = registry === 'pypi' ? `${name}==${version}` : `${name}@${version}`
  const source = ['download', '--quiet', '--no-binary', ':all:', '--no-deps', '--dest', '.', exact]
  if (registry === 'pypi') await command('pip', source, to, DOWNLOAD_TIMEOUT_MS)
  else await command('npm', ['pack', '--silent', exact], to, DOWNLOAD_TIMEOUT_MS)
}

async function command(program: string, args: readonly string[], cwd: string, timeout: number): Promise<void> {
  try {
    await run(program, args, { cwd, timeout, maxBuffer: 16 * 1024 ** 2 })
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string }
    const why = code === 'ENOENT' ? 'is not installed' : `failed: ${stderr.trim().split('\n').at(-1) || String(code)}`
    throw new CorpusUnavailableError(`${program} ${why}`, { cause })
  }
}
