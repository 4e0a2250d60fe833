import { execFile, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** The Java programs of this folder. */
export type ProgramName = 'kcl2' | 'kcl3' | 'kcl34' | 'dynamodb'

/** The folder of each program, and the properties with which Maven builds it. */
const PROGRAMS: Record<ProgramName, { folder: string; properties: readonly string[] }> = {
  kcl2: { folder: 'kcl2', properties: [] },
  kcl3: { folder: 'kcl3', properties: [] },
  // The last version that stores the load of the workers in a table of its own.
  kcl34: { folder: 'kcl3', properties: ['-Dkcl.version=3.4.2'] },
  dynamodb: { folder: 'dynamodb', properties: [] },
}

const FOLDER = import.meta.dirname
const CACHE = path.resolve(FOLDER, '../../node_modules/.cache/headgate-java')

/** The first build downloads about 200 MB of libraries. */
const BUILD_TIMEOUT_MS = 900_000

/** Returns the programs that are needed and not installed. */
export function missingPrograms(): string[] {
  return ['java', 'mvn'].filter(program => spawnSync(program, ['-version'], { stdio: 'ignore' }).status !== 0)
}

/** Resolves to the arguments of `java` for a program. Builds the program first if this source has not been built. */
export async function javaArguments(name: ProgramName): Promise<string[]> {
  const { folder, properties } = PROGRAMS[name]
  const sources = globSync(`{${folder},worker}/**/*.{xml,java}`, { cwd: FOLDER }).sort()
  const hash = createHash('sha256').update(properties.join())
  for (const source of sources) hash.update(source).update(readFileSync(path.join(FOLDER, source)))
  const built = path.join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(built)) await build(name, built)
  const libraries = path.join(built, 'libraries')
  const classPath = [path.join(built, 'program.jar'), path.join(libraries, '*')].join(path.delimiter)
  return [
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Xmx512m',
    `-Dsqlite4java.library.path=${libraries}`,
    '-cp',
    classPath,
    'interop.Main',
  ]
}

/** Atomic: another test may build the same program, and this build may be interrupted. */
async function build(name: ProgramName, built: string): Promise<void> {
  const output = path.join(CACHE, `building-${randomUUID()}`)
  await mkdir(output, { recursive: true })
  const { folder, properties } = PROGRAMS[name]
  const pom = path.join(FOLDER, folder, 'pom.xml')
  try {
    const args = ['-B', '-q', '-f', pom, `-Dinterop.output=${output}`, ...properties, 'package']
    await promisify(execFile)('mvn', args, { timeout: BUILD_TIMEOUT_MS })
    await rename(output, built).catch(error => {
      if (!existsSync(built)) throw error // Else the other one was faster.
    })
  } finally {
    await rm(output, { recursive: true, force: true })
  }
}
