/**
 * Lists what the npm packages export without a doc comment: exported symbols, and the members of exported interfaces and classes.
 * `npm run check` runs it, and exits with 1 if it finds one.
 */
import path from 'node:path'
import { API, type Checker, type Project, SymbolFlags, type Symbol as TsSymbol } from 'typescript/unstable/sync'

const root = path.resolve(import.meta.dirname, '../..')

/** The entry of each package. */
export const ENTRIES = [
  'services/client/index.ts',
  'services/consumer/index.ts',
  'services/worker/transforms/author/index.ts',
] as const

/** Members that every reader knows, and that the language or a base class defines. */
const KNOWN_MEMBERS = new Set(['__constructor', 'prototype', 'constructor', 'name', 'message', 'code', 'CODE'])

/** Returns `FILE: NAME` for every export of an entry, and `FILE: NAME.MEMBER` for every member, that has no doc comment. */
export function undocumented(entries: readonly string[], config = path.join(root, 'tsconfig.json')): string[] {
  const api = new API({ cwd: root })
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    if (!project) throw new Error(`TypeScript opens no project with ${config}.`)
    return entries.flatMap(entry => undocumentedOf(project, path.resolve(root, entry)).map(name => `${entry}: ${name}`))
  } finally {
    api.close()
  }
}

function undocumentedOf({ program, checker }: Project, entry: string): string[] {
  const file = program.getSourceFile(entry)
  const module = file && checker.getSymbolAtLocation(file)
  if (!module) throw new Error(`${entry} is not a module of the project.`)
  return checker.getExportsOfModule(module).flatMap(exported => {
    const symbol = (exported.flags & SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported)
    const members = [...symbol.getMembers().values()].filter(member => isPublic(member))
    return [
      ...(isDocumented(symbol, checker) ? [] : [exported.name]),
      ...members.filter(member => !isDocumented(member, checker)).map(member => `${exported.name}.${member.name}`),
    ]
  })
}

function isDocumented(symbol: TsSymbol, checker: Checker): boolean {
  return symbol.getDocumentationComment(checker).trim() !== '' || symbol.getJsDocTags(checker).length > 0
}

function isPublic({ name, flags }: TsSymbol): boolean {
  const isMember = (flags & (SymbolFlags.Property | SymbolFlags.Method | SymbolFlags.Accessor)) !== 0
  return isMember && !KNOWN_MEMBERS.has(name) && !name.startsWith('#') && !name.includes('@')
}

if (import.meta.main) {
  const found = undocumented(ENTRIES)
  for (const name of found) process.stderr.write(`${name} has no doc comment\n`)
  if (found.length > 0) process.exitCode = 1
}
