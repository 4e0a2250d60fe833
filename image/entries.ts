import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const PROGRAMS = ['api/server', 'worker/worker', 'cli/headgate']
/** What may be imported of the package, by the names that it says: a transform of one's own in the image does. */
const LIBRARY = /^\.\/dist\/services\/(.+)\.js$/
/** A process is started by the path of its file. */
const PROCESSES = 'worker/**/transform-process.ts'

/** What a bundle is entered by, each from `services/` and without `.ts`. */
export interface Entries {
  programs: string[]
  /** Modules whose handler Lambda calls. */
  handlers: string[]
  processes: string[]
  /** Modules that others import by the package's name. */
  libraries: string[]
}

/** The entries of the image. The package.json that has these `services/` says what others import. */
export function entriesOf(services: string): Entries {
  const { exports } = JSON.parse(readFileSync(path.join(services, '../package.json'), 'utf8')) as Exporting
  const found = (pattern: string) =>
    globSync(pattern, { cwd: services })
      .map(file => file.split(path.sep).join('/').replace(/\.ts$/, ''))
      .sort()
  const hasHandler = (name: string) =>
    /^export (?:const|(?:async )?function) handler\b/m.test(readFileSync(path.join(services, `${name}.ts`), 'utf8'))
  return {
    programs: PROGRAMS,
    handlers: found('{api,worker}/lambda*.ts').filter(hasHandler),
    processes: found(PROCESSES),
    libraries: Object.values(exports).flatMap(target => LIBRARY.exec(defaultOf(target))?.[1] ?? []),
  }
}

interface Exporting {
  exports: Record<string, string | { default: string }>
}

function defaultOf(target: Exporting['exports'][string]): string {
  return typeof target === 'string' ? target : target.default
}
