/** One import of a file. */
export interface Import {
  specifier: string
  /** True for an import of types only, which does not exist when the program runs. */
  typeOnly: boolean
  /** True for a dynamic import, which loads the module when that line runs. */
  later: boolean
}

// Matches the format of Biome: a static import or export starts its line, its names are in braces, and its quotes are
// single.
const NAMES = String.raw`(?:[\w$*{},\s]+?\sfrom\s+)?`
const STATIC = new RegExp(String.raw`^(?:import|export)(?<type>\s+type)?\s+${NAMES}'(?<specifier>[^'\n]+)'`, 'gm')
const DYNAMIC =
  /(?:\bimport|\brequire|\brequire\.resolve|\bcreateRequire\(import\.meta\.url\)(?:\.resolve)?)\(\s*'(?<specifier>[^'\n]+)'/g
const COMMENT_LINE = /^\s*(?:\/\/|\*|\/\*).*$/gm

/** Returns the imports of a TypeScript file, static and dynamic, grouped by kind. */
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

/** Returns the package of a bare specifier: `@aws-sdk/client-s3`, or `typebox` for `typebox/compile`. */
export function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
