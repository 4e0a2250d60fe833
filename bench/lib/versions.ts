import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { BenchError } from './errors.ts'

/** Node's version, Headgate's, and those of the packages that are named, as they are installed. */
export function versionsOf(packages: readonly string[]): Record<string, string> {
  return {
    node: process.versions.node,
    headgate: versionIn(findPackageJSON('..', import.meta.url)),
    ...Object.fromEntries(packages.map(name => [name, versionIn(findPackageJSON(name, import.meta.url))])),
  }
}

function versionIn(file: string | undefined): string {
  if (file === undefined) throw new BenchError('A package that is measured is not installed.')
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version?: string }
  if (version === undefined) throw new BenchError(`${file} has no version.`)
  return version
}
