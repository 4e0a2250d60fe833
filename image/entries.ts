import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const PROGRAMS = ['api/server', 'worker/worker', 'cli/headgate']
/** A thread is begun by the path of its file. */
const THREADS = 'worker/**/thread.ts'

/** What the image starts: the programs, and the modules whose handler Lambda calls. From `services/`, without `.ts`. */
export function entriesOf(services: string): { programs: string[]; handlers: string[]; threads: string[] } {
  const found = (pattern: string) =>
    globSync(pattern, { cwd: services })
      .map(file => file.split(path.sep).join('/').replace(/\.ts$/, ''))
      .sort()
  const hasHandler = (name: string) =>
    /^export (?:const|(?:async )?function) handler\b/m.test(readFileSync(path.join(services, `${name}.ts`), 'utf8'))
  return {
    programs: PROGRAMS,
    handlers: found('{api,worker}/lambda*.ts').filter(hasHandler),
    threads: found(THREADS),
  }
}
