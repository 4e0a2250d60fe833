import path from 'node:path'
import t from 'tap'
import { ENTRIES, undocumented } from './undocumented.ts'

t.test('every export of the packages, and every member of an export, has a doc comment', async t => {
  t.strictSame(undocumented(ENTRIES), [])
})

t.test('an export or a member without a doc comment is reported by its name', async t => {
  const dir = t.testdir({
    'tsconfig.json':
      '{ "files": ["index.ts"], "compilerOptions": { "allowImportingTsExtensions": true, "noEmit": true } }',
    'index.ts': "export { bare, Documented, type Options } from './other.ts'\nexport const bareHere = 1\n",
    'other.ts': `
      export const bare = 1
      /** Has a comment. */
      export class Documented {
        bareField = 1
        #hidden = 2
        /** Has a comment. */
        method(): number { return this.#hidden }
        bareMethod(): void {}
      }
      /** Has a comment. */
      export interface Options {
        bareOption?: string
        /** Has a comment. */
        option?: string
      }
      export const notExported = 1
    `,
  })
  const entry = path.join(dir, 'index.ts')
  t.strictSame(
    undocumented([entry], path.join(dir, 'tsconfig.json')).sort(),
    ['Documented.bareField', 'Documented.bareMethod', 'Options.bareOption', 'bare', 'bareHere'].map(
      name => `${entry}: ${name}`,
    ),
  )
})
