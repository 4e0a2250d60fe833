import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')

const settings = { cwd: root, env: { ...process.env, DOCKER_BUILDKIT: '1' }, maxBuffer: 64 * 1024 ** 2 }

/** Runs the `docker` command. Resolves to what it wrote to stdout, without the last line break. */
export async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args, settings)).stdout.trimEnd()
}

/** What a container has written so far, to stdout and then to stderr. */
export async function logsOf(container: string): Promise<string> {
  const { stdout, stderr } = await run('docker', ['logs', '--tail', '20', container], settings)
  return `${stdout}${stderr}`
}

/** Why images cannot be built and run here; undefined where they can. */
export async function dockerMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux')
    return 'the functions use the network of the machine, as Docker on Linux alone gives it'
  try {
    await docker('version', '--format', '{{.Server.Version}}')
    return undefined
  } catch {
    return 'no Docker engine answers'
  }
}

/** Builds a target of the Dockerfile, from what is cached of it. Resolves to the image's name. */
export async function buildImage(target: 'runtime' | 'unbundled'): Promise<string> {
  const image = `headgate-test:${target}`
  await docker('build', '--quiet', '--target', target, '--tag', image, '.')
  return image
}
