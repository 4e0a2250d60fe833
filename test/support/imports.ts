/** One import of a file. */
export interface Import {
  specifier: string
  /** Types alone, of which nothing is left when the program runs. */
  typeOnly: boolean
  /** Loaded when that line runs, and not before the file does. */
  later: boolean
}

// As Biome formats them: a static import or export begins its line, its names are words in braces, its quotes are single.
const NAMES = String.raw`(?:[\w$*{},\s]+?\sfrom\s+)?`
const STATIC = new RegExp(String.raw`^(?:import|export)(?<type>\s+type)?\s+${NAMES}'(?<specifier>[^'\n]+)'`, 'gm')
const DYNAMIC =
  /(?:\bimport|\brequire|\brequire\.resolve|\bcreateRequire\(import\.meta\.url\)(?:\.resolve)?)\(\s*'(?<specifier>[^'\n]+)'/g
const COMMENT_LINE = /^\s*(?:\/\/|\*|\/\*).*$/gm

/** What a TypeScript file imports, statically or not, in the order of its kinds. */
export function importsOf(source: string): Import[] {
  const code = source.replace(COMMENT_LINE, '')
  return [STATIC, DYNAMIC].flatMap(pattern =>
    [...code.matchAll(pattern)].map(({ groups }) => ({
      specifier: groups?.specifier ?? '',
      typeOnly: groups?.type !== undefined,
      later: pattern === DYNAMIC,
    })),
  )
}

/** The package of a bare specifier: `@aws-sdk/client-s3`, or `typebox` of `typebox/compile`. */
export function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
