import { existsSync, globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { run } from '../support/pack.ts'

/** What npm says if it reaches no registry, and has a package not in its cache. */
const NO_REGISTRY =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/

/** Creates an empty ESM project for the length of the test. */
export function emptyProject(t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'headgate-installed-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  return folder
}

/** Installs packages into a project, from npm's cache where it has them. Resolves to false if npm reaches no registry. */
export async function install(folder: string, packages: readonly string[]): Promise<boolean> {
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--strict-peer-deps']
  try {
    await run('npm', ['install', ...options, ...packages], { cwd: folder })
    return true
  } catch (error) {
    if (NO_REGISTRY.test((error as { stderr?: string }).stderr ?? '')) return false
    throw error
  }
}

/** Counts the packages that are installed in a project, and their bytes on a disk with blocks of 4 KiB. */
export function installedIn(folder: string): { packages: string[]; bytes: number } {
  const modules = path.join(folder, 'node_modules')
  const packages = globSync(['**/node_modules/*/package.json', '**/node_modules/@*/*/package.json'], { cwd: folder })
    .map(file => path.dirname(file))
    .filter(name => existsSync(path.join(folder, name, 'package.json')))
  const files = globSync('**/*', { cwd: modules, withFileTypes: true }).filter(file => file.isFile())
  const blocks = files.map(file => Math.ceil(statSync(path.join(file.parentPath, file.name)).size / 4096))
  return { packages, bytes: blocks.reduce((sum, count) => sum + count, 0) * 4096 }
}
