/** CDK's newer behaviours that this app is written for. In code, so that tests and the command line agree. */
export const featureFlags: Readonly<Record<string, boolean | string>> = {
  // What the compute stack uses, the data stack cannot take away: producers are protected.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  // Access logs are let in by a bucket policy: the ACL that was needed once is refused by buckets without ACLs.
  '@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy': true,
  // Statements that say the same of several resources become one.
  '@aws-cdk/aws-iam:minimizePolicies': true,
}
