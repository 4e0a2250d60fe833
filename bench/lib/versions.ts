import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { BenchError } from './errors.ts'

/** Returns the versions of Node, of Headgate and of the named packages, as installed. */
export function versionsOf(packages: readonly string[]): Record<string, string> {
  return {
    node: process.versions.node,
    headgate: versionIn(findPackageJSON('..', import.meta.url)),
    ...Object.fromEntries(packages.map(name => [name, versionIn(findPackageJSON(name, import.meta.url))])),
  }
}

function versionIn(file: string | undefined): string {
  if (file === undefined) throw new BenchError('A measured package is not installed.')
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version?: string }
  if (version === undefined) throw new BenchError(`${file} has no version.`)
  return version
}
