import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const execute = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')

export const bin = (name: string) => path.join(root, 'node_modules/.bin', name)

export const run = (file: string, args: readonly string[], options: { cwd?: string } = {}) =>
  // The test runner puts itself into every program that is started; tsc cannot be loaded its way.
  execute('env', ['-u', 'NODE_OPTIONS', file, ...args], { ...options, timeout: 120_000 })

/**
 * An empty folder in which the package is installed as `npm pack` makes it.
 *
 * @param beside which of what is installed here is installed beside it: links take the place of downloads
 */
export async function createEmptyProject(
  t: Pick<Test, 'teardown'>,
  beside: (name: string) => boolean = () => true,
): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headgate-package-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [source, project] = [path.join(folder, 'source'), path.join(folder, 'project')]
  const modules = path.join(project, 'node_modules')
  for (const made of [source, path.join(modules, 'headgate')]) mkdirSync(made, { recursive: true })
  for (const file of ['package.json', 'README.md', 'LICENSE']) cpSync(path.join(root, file), path.join(source, file))
  await run(bin('tsc'), ['--project', root, '--outDir', path.join(source, 'dist')])
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: source })
  const [packed] = JSON.parse(stdout) as Array<{ filename: string }>
  const into = path.join(modules, 'headgate')
  await run('tar', ['xzf', packed?.filename ?? '', '--strip-components=1', '-C', into], { cwd: source })
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (!name.startsWith('.') && beside(name))
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  return project
}
