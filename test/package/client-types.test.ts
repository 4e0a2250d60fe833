import { readFileSync } from 'node:fs'
import t from 'tap'
import { generateTypes, TYPES_FILE } from './client-types.ts'

const types = await generateTypes()
const skip = types === undefined && 'no package registry is reachable, and the npm cache lacks openapi-typescript'

t.test('the types of @headgate/client are generated from the OpenAPI document', { skip }, async t => {
  t.ok(readFileSync(TYPES_FILE, 'utf8') === types, 'if they differ, run npm run client:types')
})
