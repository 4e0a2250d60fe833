/**
 * Loaded into the programs that tests start below `npm test`: runs a program of Headgate from its bundle. It is JavaScript for the reason
 * that ../preload.mjs states.
 */
import { readFileSync } from 'node:fs'
// As a whole, because the first versions of Node 22 have no registerHooks. Some programs run on them.
import module from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = process.env.HEADGATE_TEST_PROGRAMS
const services = path.resolve(import.meta.dirname, '../../../services')
/** What a program may load first and still run from its bundle. Other preloads replace parts of the modules that the program imports. */
const PRELOAD = /\/(?:child-preload|use-snapshot|use-bundles|use-programs)\.(?:ts|mjs)$|\/check-node\.cjs$/

/** Returns the files that Node was told to load before the program. */
function preloads() {
  return process.execArgv.flatMap((arg, index) => {
    const [isPreload, value] = /^(?:-r|--require|--import|--loader|--experimental-loader)(?:=(.*))?$/.exec(arg) ?? []
    return isPreload ? [value ?? process.execArgv[index + 1] ?? ''] : []
  })
}

if (folder !== undefined && module.registerHooks !== undefined && process.argv[1] !== undefined) {
  const entries = JSON.parse(readFileSync(path.join(folder, 'entries.json'), 'utf8'))
  const bundles = new Map(
    entries.map(name => [
      pathToFileURL(path.join(services, `${name}.ts`)).href,
      pathToFileURL(path.join(folder, `${name}.mjs`)).href,
    ]),
  )
  if (bundles.has(pathToFileURL(process.argv[1]).href) && preloads().every(file => PRELOAD.test(file))) {
    module.registerHooks({
      resolve(specifier, context, next) {
        const resolved = next(specifier, context)
        const url = bundles.get(resolved.url)
        return url ? { url, format: 'module', shortCircuit: true } : resolved
      },
    })
  }
}
