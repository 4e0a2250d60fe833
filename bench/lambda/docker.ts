import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')

const settings = { cwd: root, maxBuffer: 64 * 1024 ** 2 }

/** Runs the `docker` command. Resolves to what it wrote to stdout, without the last line break. */
export async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args, settings)).stdout.trimEnd()
}

/** Resolves to the output of a container so far, stdout and then stderr. */
export async function logsOf(container: string): Promise<string> {
  const { stdout, stderr } = await run('docker', ['logs', '--tail', '20', container], settings)
  return `${stdout}${stderr}`
}

/** Resolves to the reason why images cannot be built and run here, or to undefined if they can. */
export async function dockerMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'the functions use the host network, which Docker supports only on Linux'
  try {
    await docker('version', '--format', '{{.Server.Version}}')
    return undefined
  } catch {
    return 'no Docker engine responds'
  }
}

/** Builds a target of the Dockerfile with Docker's cache. Resolves to the image's name. */
export function buildImage(target: 'runtime' | 'unbundled'): Promise<string> {
  return build(`headgate-test:${target}`, ['--target', target, '.'])
}

/** Builds the Dockerfile of another folder. Resolves to the image's name. */
export function buildFolder(folder: string, name: string): Promise<string> {
  return build(`headgate-test:${name}`, [folder])
}

async function build(image: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, DOCKER_BUILDKIT: (await hasBuildx()) ? '1' : '0' }
  await run('docker', ['build', '--quiet', '--tag', image, ...args], { ...settings, env })
  return image
}

/**
 * The current Docker client has BuildKit only through a plugin, and fails if BuildKit is requested without the plugin.
 */
async function hasBuildx(): Promise<boolean> {
  try {
    await docker('buildx', 'version')
    return true
  } catch {
    return false
  }
}
