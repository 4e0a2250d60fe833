import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ALONE, LONG } from './exceptions.ts'

/** The folders of the programs, each named after its files, so that two runs at a time do not disturb each other. */
const FOLDER = '.tap/groups'
const RUN_GROUP = '../../../test/support/groups/run-group.ts'
const MAX_FILES = 16
/** A run of few files has at least about this many groups, so that none is left over while the processors are idle. */
const MIN_GROUPS = 6

/** The test files that one process runs. */
interface Group {
  name: string
  files: readonly string[]
}

/** Returns the test files at these paths, which name files or folders. */
export function findTestFiles(root: string, paths: readonly string[]): string[] {
  const patterns = paths.map(each => (each.endsWith('.test.ts') ? each : `${each}/**/*.test.ts`))
  const found = globSync(patterns, { cwd: root }).map(file => path.relative(root, path.resolve(root, file)))
  return [...new Set(found.map(file => file.split(path.sep).join('/')))].sort()
}

/**
 * Writes a program for each group of test files, and returns what tap runs: the programs, and the files that run alone. To load modules
 * takes longer than most test files, and the files of a room load the same modules.
 */
export function writeGroups(root: string, files: readonly string[]): string[] {
  const alone = files.filter(file => matches(file, ALONE))
  const folder = path.join(FOLDER, createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 8))
  mkdirSync(path.join(root, folder), { recursive: true })
  // tap runs files in the order of their names.
  const programs = groupsOf(files.filter(file => !alone.includes(file))).map(({ name, files: own }, index) => {
    const program = path.join(folder, `${String(index + 1).padStart(3, '0')}-${name}.test.mjs`)
    writeIfChanged(path.join(root, program), programOf(own))
    return program
  })
  return [...programs, ...alone]
}

/** Returns the groups in the order in which they start: first the long files, and then the other files of each room. */
function groupsOf(files: readonly string[]): Group[] {
  const long = files.filter(file => matches(file, LONG))
  const short = files.filter(file => !long.includes(file))
  const maxFiles = Math.min(MAX_FILES, Math.ceil(short.length / MIN_GROUPS))
  return [
    ...long.map(file => ({ name: path.basename(file, '.test.ts'), files: [file] })),
    ...[...Map.groupBy(short, roomOf)].flatMap(([name, own]) =>
      partsOf(own, maxFiles).map(part => ({ name, files: part })),
    ),
  ]
}

function matches(file: string, patterns: readonly string[]): boolean {
  return patterns.some(pattern => path.matchesGlob(file, pattern))
}

/** Returns the room of `test/api/tus/protocol.test.ts`, which is `api`. */
function roomOf(file: string): string {
  const [, room = '', ...inside] = file.split('/')
  return inside.length === 0 ? 'test' : room
}

/** Divides files into parts of about the same number. */
function partsOf(files: readonly string[], maxFiles: number): string[][] {
  const size = Math.ceil(files.length / Math.ceil(files.length / maxFiles))
  return Array.from({ length: Math.ceil(files.length / size) }, (_, n) => files.slice(n * size, (n + 1) * size))
}

/** Another run may be about to load the file. */
function writeIfChanged(file: string, content: string): void {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== content) writeFileSync(file, content)
}

function programOf(files: readonly string[]): string {
  return `import { runGroup } from '${RUN_GROUP}'\n\nawait runGroup(${JSON.stringify(files, null, 2)})\n`
}
