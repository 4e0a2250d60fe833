import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/**
 * Returns the version in Headgate's package.json. The file is above the sources and above `dist`, at different depths.
 *
 * @throws Error if there is no package.json above this file
 */
export function version(): string {
  const file = findPackageJSON(import.meta.url)
  if (file === undefined) throw new Error('There is no package.json above Headgate.')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
