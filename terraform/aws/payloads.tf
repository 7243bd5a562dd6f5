# Payloads of transport s3, uploaded from their files: the state knows their hash alone. Names and bytes
# are those of `nodeseed publish`. Payloads of secrets-manager and ssm are the operator's to publish:
# Terraform could not keep them out of its state. So are those for a bucket in another
# region, and those that machines delete, which it would upload again and again.

locals {
  upload = (
    local.transport == "s3"
    && try(local.cluster.transport.region, "") == local.cluster.region
    && !try(local.cluster.transport.deleteAfterRead, false)
  )
  bucket = local.upload ? local.cluster.transport.bucket : ""
}

resource "aws_s3_bucket" "payloads" {
  count  = local.upload && var.create_bucket ? 1 : 0
  bucket = local.bucket
}

resource "aws_s3_bucket_public_access_block" "payloads" {
  count                   = length(aws_s3_bucket.payloads)
  bucket                  = aws_s3_bucket.payloads[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "payloads" {
  count  = length(aws_s3_bucket.payloads)
  bucket = aws_s3_bucket.payloads[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "payloads" {
  count  = length(aws_s3_bucket.payloads)
  bucket = aws_s3_bucket.payloads[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms_key == "" ? "AES256" : "aws:kms"
      kms_master_key_id = local.kms_key == "" ? null : local.kms_key
    }
  }
}

resource "aws_s3_bucket_policy" "payloads" {
  count  = length(aws_s3_bucket.payloads)
  bucket = aws_s3_bucket.payloads[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyByTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.payloads[0].arn, "${aws_s3_bucket.payloads[0].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.payloads]
}

# A payload stays for as long as a machine is there whose stub names it. Machines from before there was
# a transport have none.
resource "aws_s3_object" "payload" {
  for_each               = { for name, launch in terraform_data.launch : name => local.payloads[name] if local.upload && launch.input.payload != "" }
  bucket                 = local.bucket
  key                    = terraform_data.launch[each.key].input.payload
  source                 = "${var.rendered}/${each.value.file}"
  source_hash            = terraform_data.launch[each.key].input.sha256
  checksum_algorithm     = "SHA256"
  content_type           = "application/octet-stream"
  server_side_encryption = local.kms_key == "" ? "AES256" : "aws:kms"
  kms_key_id             = local.kms_key == "" ? null : local.kms_key

  lifecycle {
    create_before_destroy = true # another payload has another key

    postcondition {
      condition     = self.checksum_sha256 == terraform_data.launch[each.key].input.sha256
      error_message = "The payload that ${each.key} was launched with was removed from the bucket (nodeseed publish --prune?), and another one was rendered since. Raise the machine's number in replace."
    }
  }

  depends_on = [
    aws_s3_bucket_public_access_block.payloads,
    aws_s3_bucket_server_side_encryption_configuration.payloads,
    aws_s3_bucket_versioning.payloads,
  ]
}
