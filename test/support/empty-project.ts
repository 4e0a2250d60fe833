import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { type Packed, run } from './pack.ts'

const root = path.resolve(import.meta.dirname, '../..')

export const bin = (name: string) => path.join(root, 'node_modules/.bin', name)

export interface EmptyProjectSettings {
  /** The packages to install. */
  packed: readonly Packed[]
  /** Which of what is installed here is installed beside it: links take the place of downloads. Left out: all. */
  beside?: (name: string) => boolean
}

/** An empty folder in which packages are installed as `npm pack` creates them. */
export async function createEmptyProject(
  t: Pick<Test, 'teardown'>,
  { packed, beside = () => true }: EmptyProjectSettings,
): Promise<string> {
  const project = mkdtempSync(path.join(tmpdir(), 'headgate-project-'))
  t.teardown(() => rmSync(project, { recursive: true, force: true }))
  const modules = path.join(project, 'node_modules')
  for (const { name, tarball } of packed) {
    const into = path.join(modules, name)
    mkdirSync(into, { recursive: true })
    await run('tar', ['xzf', tarball, '--strip-components=1', '-C', into])
  }
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    // Below @headgate are the sources of this repository.
    if (!name.startsWith('.') && name !== '@headgate' && beside(name))
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  return project
}
