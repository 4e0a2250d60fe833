import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The package's version. Its file is above the sources and above `dist`, at different depths. */
export function version(): string {
  const file = findPackageJSON(import.meta.url)
  if (file === undefined) throw new Error('There is no package.json above the headgate command.')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
