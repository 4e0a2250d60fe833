/**
 * Loaded first into the test files of `npm test` and the programs that they start: gives them packages as bundles. It is JavaScript for the
 * reason that ../preload.mjs states.
 */
import { readdirSync } from 'node:fs'
// As a whole, because the first versions of Node 22 have no registerHooks. Some programs run on them.
import module from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = process.env.HEADGATE_TEST_PACKAGES
const root = pathToFileURL(path.resolve(import.meta.dirname, '../../..')).href
const ENTRY = /^(?!chunk-)(.+)\.mjs$/

/** True for the modules of the repository. A package, and a project below it that has packages of its own, gets what Node resolves. */
function isOurs(url) {
  return url?.startsWith(root) && !/\/(?:node_modules|\.tap)\//.test(url)
}

if (folder !== undefined && module.registerHooks !== undefined) {
  const urls = new Map()
  for (const file of readdirSync(folder)) {
    const name = ENTRY.exec(file)?.[1]
    if (name) urls.set(name.replaceAll('+', '/'), pathToFileURL(path.join(folder, file)).href)
  }
  module.registerHooks({
    resolve(specifier, context, next) {
      const url = isOurs(context.parentURL) ? urls.get(specifier) : undefined
      return url ? { url, format: 'module', shortCircuit: true } : next(specifier, context)
    },
  })
}
