import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { type Packed, packPackage, run } from './pack.ts'

const root = path.resolve(import.meta.dirname, '../..')

export const bin = (name: string) => path.join(root, 'node_modules/.bin', name)

export interface EmptyProjectSettings {
  /** Left out: packed for it. */
  packed?: Packed
  /** Which of what is installed here is installed beside it: links take the place of downloads. Left out: all. */
  beside?: (name: string) => boolean
}

/** Creates an empty project with the package installed as `npm pack` builds it. */
export async function createEmptyProject(
  t: Pick<Test, 'teardown'>,
  { packed, beside = () => true }: EmptyProjectSettings = {},
): Promise<string> {
  const { tarball } = packed ?? (await packPackage(t))
  const project = mkdtempSync(path.join(tmpdir(), 'headgate-project-'))
  t.teardown(() => rmSync(project, { recursive: true, force: true }))
  const modules = path.join(project, 'node_modules')
  const into = path.join(modules, 'headgate')
  mkdirSync(into, { recursive: true })
  await run('tar', ['xzf', tarball, '--strip-components=1', '-C', into])
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (!name.startsWith('.') && beside(name))
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  return project
}
