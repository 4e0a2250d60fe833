import { realpathSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import path from 'node:path'

const manifest = findPackageJSON(import.meta.url) ?? ''

/** The folder of the clone. */
export const cloneFolder = path.dirname(manifest)

/**
 * Changes to the folder in which the user called npm, if npm runs this process as a script of a clone. npm itself changes to the folder of
 * the package, where relative paths of the user would mean other files.
 *
 * @param script the name of the script in package.json
 * @returns true if npm runs this process as that script
 */
export function enterCallersFolder(script: string, env: NodeJS.ProcessEnv): boolean {
  const { npm_lifecycle_event: running, npm_package_json: started, INIT_CWD: folder } = env
  if (running !== script || !started || !folder || realpathSync(started) !== manifest) return false
  process.chdir(folder)
  return true
}

/** Returns how a user of a clone calls the `headgate` command in the current folder. */
export function headgateOfClone(): string {
  if (process.cwd() === cloneFolder) return 'npm run -s headgate --'
  const folder = /^[\w./-]+$/.test(cloneFolder) ? cloneFolder : JSON.stringify(cloneFolder)
  return `npm run -s --prefix ${folder} headgate --`
}
