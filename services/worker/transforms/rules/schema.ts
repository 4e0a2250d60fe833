import { type Static, Type } from 'typebox'
import { MAX_RESULT_BYTES } from '../../../uploads/objects/result-store.ts'
import { OUTPUT_NAME_PATTERN } from '../../../uploads/records/output-names.ts'
import { builtInTransforms } from '../built-in/index.ts'

const sinkNames = ['s3', 'dynamodb'] as const

/** Where an output is written: an object of S3, or an item of DynamoDB. */
export type SinkName = (typeof sinkNames)[number]

const sink = Type.Enum(sinkNames)
const patterns = (pattern: string) => {
  const one = Type.String({ pattern, maxLength: 255 })
  return Type.Union([one, Type.Array(one, { minItems: 1, maxItems: 100 })])
}

/** The schema of a rule. */
export const ruleSchema = Type.Object(
  {
    contentType: Type.Optional(patterns('^(?:\\*|[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+)$')),
    filename: Type.Optional(patterns('^[^/\\\\]+$')),
    encoded: Type.Optional(Type.Boolean()),
    transform: Type.Optional(Type.Enum(Object.keys(builtInTransforms))),
    module: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    export: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    options: Type.Optional(Type.Unknown()),
    inline: Type.Optional(Type.Boolean()),
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
    sink: Type.Optional(Type.Union([sink, Type.Record(Type.String({ pattern: OUTPUT_NAME_PATTERN }), sink)])),
    itemBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_RESULT_BYTES })),
    maxExpansion: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  },
  { additionalProperties: false },
)

/** The schema of `TRANSFORMS`, or of the file that it names. */
export const rulesSchema = Type.Object(
  // Each rule is checked separately: a check of all would report only the first faults.
  { rules: Type.Array(Type.Unknown(), { maxItems: 1_000 }), defaults: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
)

export type RuleText = Static<typeof ruleSchema>
export type RulesText = Omit<Static<typeof rulesSchema>, 'rules'> & { rules: RuleText[] }

/** The default rules, which follow the custom ones. The last one accepts everything. */
export const defaultRules: readonly RuleText[] = [
  { contentType: 'image/*', transform: 'image' },
  { contentType: ['text/csv', 'text/tab-separated-values'], transform: 'csv-to-ndjson' },
  { contentType: 'text/*', transform: 'upper-case' },
  { encoded: true, transform: 'digest' },
]
