import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const PROGRAMS = ['api/server', 'worker/worker', 'cli/headgate']
/** The exports of the package, which a custom transform in the image imports. */
const LIBRARY = /^\.\/dist\/services\/(.+)\.js$/
/** Modules that run as child processes, and are started by their path. */
const PROCESSES = 'worker/**/transform-process.ts'

/** The entries of the bundle, each relative to `services/` and without `.ts`. */
export interface Entries {
  programs: string[]
  /** Modules whose handler Lambda calls. */
  handlers: string[]
  processes: string[]
  /** Modules that others import through the package's exports. */
  libraries: string[]
}

/** Returns the entries of the image. The exports are read from the package.json beside `services`. */
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
