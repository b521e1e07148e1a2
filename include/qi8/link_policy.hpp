// Which links to a model's external data are followed.
#pragma once

namespace qi8 {

// docs/reliability.md has the rule for each kind of link, and what it protects from.
enum class LinkPolicy {
  kSafe,    // symbolic links that stay in the model's folder, or in its repository of the Hugging Face cache;
            // hard links where nobody but the user and root can have made them
  kFollow,  // all of them: the user vouches for the model's folder (--follow-links)
};

}  // namespace qi8
